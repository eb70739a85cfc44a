"""Every command of README and docs/ does what stands there, typed in a fresh folder."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.demo_server import demo
from tests.documents.blocks import FILES, Block, blocks, commands
from tests.documents.reader import ADDRESS, TOKEN, Reader

BLOCKS = [block for file in FILES for block in blocks(file)]
RUN = [block for block in BLOCKS if block.not_run is None]
# A block more that is not run wants a reason as good as theirs.
NOT_RUN = 6


@contextmanager
def fresh_folder() -> Iterator[Path]:
    """One that PostgreSQL's user may enter, as an ordinary folder."""
    with tempfile.TemporaryDirectory(prefix="callfloor-reader-") as made:
        folder = Path(made)
        folder.chmod(0o755)
        yield folder


def _demo(data: Path) -> AbstractContextManager[list[str]]:
    # the master key is a file of the folder, as a reader's is
    return demo(data, callers=60, CALLFLOOR_MASTER_KEY="")


@pytest.fixture(scope="module")
def beside() -> Iterator[tuple[Path, str, str]]:
    """A demo that runs: its folder, address and token."""
    with fresh_folder() as folder, _demo(folder / "callfloor-data") as lines:
        said = "\n".join(lines)
        address, token = ADDRESS.search(said), TOKEN.search(said)
        assert address, said
        assert token, said
        yield folder, address[0], token[0]


def _of(name: str) -> list[pytest.MarkDecorator]:
    """README is in every `make test`, the other documents in `make test-documents`."""
    # some twenty commands one after the other, a day of the floor among them
    longest = pytest.mark.timeout(900)
    return [longest] if name.startswith("README.md") else [pytest.mark.long, longest]


def documents() -> list[object]:
    """Each document, its blocks in order."""
    found: dict[str, list[Block]] = {}
    for block in RUN:
        if not block.empty_folder:
            found.setdefault(block.name.split(":")[0], []).append(block)
    return [pytest.param(read, id=name, marks=_of(name)) for name, read in found.items()]


@pytest.mark.parametrize("read", documents())
def test_what_stands_in_a_document_works_beside_the_demo(read: list[Block], beside: tuple[Path, str, str]) -> None:
    reader = Reader(*beside)
    try:
        for block in read:
            reader.types(block)
    finally:
        reader.leaves()


@pytest.mark.parametrize(
    "block", [pytest.param(block, id=block.name, marks=_of(block.name)) for block in RUN if block.empty_folder]
)
def test_what_stands_in_a_document_works_from_an_empty_folder_on(block: Block) -> None:
    with fresh_folder() as folder:
        reader = Reader(folder)
        try:
            reader.types(block)
        finally:
            reader.leaves()


def test_few_blocks_are_not_run_and_each_says_why() -> None:
    left_out = [block for block in BLOCKS if block.not_run is not None]
    assert len(left_out) == NOT_RUN, [block.name for block in left_out]
    assert all(len(block.not_run or "") > 20 for block in left_out)
    assert len(RUN) > 8


def test_a_comment_names_the_codes_with_which_a_command_may_exit() -> None:
    found = commands("check it   # exits with 0: not blocked, 3: blocked\nsay \\\n  it\n# nothing\n")
    assert [(each.text, sorted(each.codes)) for each in found[:2]] == [("check it", [0, 3]), ("say    it", [0])]
