"""Asterisk out of Debian's archive, unpacked into a folder: no installation, no change to the machine's apt.

The packages are newer than the machine's C library, so they come with their own and are started by its loader. apt
takes the mirror, the keys and the network settings from the machine; its state is a folder that is thrown away.
"""

from __future__ import annotations

import fcntl
import re
import shutil
import tempfile
from pathlib import Path

from testbed.programs import Missing, run

SUITE = "forky"
# When the recipe changes, so does the folder's name: an older one is not taken for it.
RECIPE = "2"
CACHE = Path(__file__).parent / ".asterisk"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
# What the daemon and the modules of `config.MODULES` link to. Patterns, so that a renamed library is still found.
WANTED = re.compile(
    r"asterisk|asterisk-modules|asterisk-core-sounds-en-gsm|libc6|libgcc-s1|libstdc\+\+6|libbsd0|libmd0|libcap2"
    r"|libcrypt1|libedit2|libtinfo6|libgsm1|libjansson4|libsqlite3-0|libssl[0-9].*|libsystemd0|liburiparser1|libuuid1"
    r"|libsrtp2-1|libnss3|libnspr4|libxml2(-[0-9]+)?|libxslt1\.1|zlib1g|libzstd1"
)
LEFT_OUT = ("usr/share/doc", "usr/share/man", "usr/share/locale")


def fetch() -> Path:
    """The folder with an Asterisk. The first call of all takes some seconds; those beside it wait for it."""
    whole = CACHE / f"{SUITE}-{RECIPE}"
    if whole.is_dir():
        return whole
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if whole.is_dir():
            return whole
        for left in CACHE.glob("part-*"):
            # of a fetch that was killed: nobody works at it, or the lock would be held
            shutil.rmtree(left)
        part = Path(tempfile.mkdtemp(prefix="part-", dir=CACHE))
        part.chmod(0o755)
        try:
            _fetch_into(part)
            part.rename(whole)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return whole


def loader(prefix: Path) -> list[str]:
    """The command that starts the daemon of the folder; its arguments follow."""
    return [
        str(prefix / "usr/lib64/ld-linux-x86-64.so.2"),
        "--library-path",
        str(prefix / "usr/lib/x86_64-linux-gnu"),
        str(prefix / "usr/sbin/asterisk"),
    ]


def _fetch_into(part: Path) -> None:
    for tool in ("apt-get", "dpkg"):
        if shutil.which(tool) is None:
            raise Missing(f"{tool} is not on this machine: the testbed fetches Asterisk from Debian's archive")
    if not KEYRING.exists():
        raise Missing(f"{KEYRING} is missing: as root, `apt-get install debian-archive-keyring`")
    work = part / ".apt"
    archives = work / "archives"
    for folder in (work / "lists/partial", archives / "partial", work / "none"):
        folder.mkdir(parents=True)
    (work / "status").touch()
    source = f"deb [arch=amd64 signed-by={KEYRING}] {_mirror()} {SUITE} main\n"
    (work / "sources.list").write_text(source)
    options = [
        f"Dir::State={work}",
        f"Dir::State::lists={work}/lists",
        f"Dir::State::status={work}/status",
        f"Dir::Cache={work}",
        f"Dir::Cache::archives={archives}",
        f"Dir::Etc::sourcelist={work}/sources.list",
        f"Dir::Etc::sourceparts={work}/none",
        f"Dir::Etc::preferencesparts={work}/none",
        # mirrors may be some days behind; the signature is checked all the same
        "Acquire::Check-Valid-Until=false",
        "Acquire::Languages=none",
        "APT::Architecture=amd64",
        "APT::Sandbox::User=root",
        "APT::Get::List-Cleanup=false",
    ]
    apt = ["apt-get", "-qq", *(word for option in options for word in ("-o", option))]
    run([*apt, "update"])
    plan = run([*apt, "-s", "install", "--no-install-recommends", "asterisk"])
    names = [line.split()[1] for line in plan.splitlines() if line.startswith("Inst ")]
    run([*apt, "download", *(name for name in names if WANTED.fullmatch(name))], cwd=archives)
    for package in sorted(archives.glob("*.deb")):
        run(["dpkg", "-x", str(package), str(part)])
    # what the packages' scripts would have done
    (part / "usr/share/asterisk/sounds/en").symlink_to("en_US_f_Allison")
    for folder in (".apt", *LEFT_OUT):
        shutil.rmtree(part / folder, ignore_errors=True)
    # fails by name when a library is not there
    run([*loader(part), "-V"])


def _mirror() -> str:
    """Where the machine gets its own Debian packages from."""
    targets = run(["apt-get", "indextargets", "--format", "$(ORIGIN) $(REPO_URI)", "Created-By: Packages"])
    for line in targets.splitlines():
        origin, _, address = line.partition(" ")
        if origin == "Debian" and "security" not in address:
            return address.rstrip("/")
    raise Missing("apt knows no Debian mirror here: run `apt-get update` on a Debian, and start again")
