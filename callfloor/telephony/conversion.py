"""Sound that somebody sent, as a telephone carries it. It is made in a process of its own where that takes long: the
sums would hold up every thread of this one.

As a program (`python -m callfloor.telephony.conversion`) it reads a WAV file and writes one; what is wrong with it goes
to standard error, with status 1.
"""

from __future__ import annotations

import asyncio
import sys

from callfloor.telephony.sound import RATE, SoundError, rate_of, telephone_wav

# Ten minutes at 48 kHz take about half of it on a slow machine.
LONGEST_S = 120.0
# Files of so few bytes are made here: in some hundredths of a second.
LITTLE = 32 * 1024


async def converted(content: bytes) -> bytes:
    """`telephone_wav`. Raises `SoundError`."""
    # a file of a million empty parts takes a second to walk through
    if len(content) <= LITTLE or await asyncio.to_thread(rate_of, content) == RATE:
        return await asyncio.to_thread(telephone_wav, content)
    maker = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", __name__),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(LONGEST_S):
            made, said = await maker.communicate(content)
    except TimeoutError as error:
        raise SoundError(f"takes longer than {LONGEST_S:g} s to convert: save it with 8000 samples a second") from error
    finally:
        if maker.returncode is None:
            maker.kill()
            await maker.wait()
    if maker.returncode:
        raise SoundError(said.decode(errors="replace").strip().rsplit("\n", 1)[-1][:200] or "cannot be converted")
    return made


def main() -> int:
    try:
        made = telephone_wav(sys.stdin.buffer.read())
    except SoundError as error:
        print(error, file=sys.stderr)
        return 1
    sys.stdout.buffer.write(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
