"""What a message says, however it is written; and that no bytes at all are too wrong to be kept."""

from __future__ import annotations

import email.policy
import io
import random
from email.message import EmailMessage
from typing import BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callfloor.mail.html import text_of
from callfloor.mail.message import ParsedMessage, read, safe_name
from callfloor.mail.structure import MOST_HEADERS, scan
from tests.breadth import examples


def letter(content: bytes | str, envelope_sender: str | None = "jane@example.com") -> ParsedMessage:
    raw = content.replace("\n", "\r\n").encode() if isinstance(content, str) else content
    return read(io.BytesIO(raw), envelope_sender)


def files(found: ParsedMessage) -> list[tuple[str, str, bytes]]:
    return [(file.file_name, file.content_type, b"".join(file.body)) for file in found.files]


def built() -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Jänë Public <Jane@Example.com>"
    message["To"] = "care@example.com"
    message["Subject"] = "Grüße, a subject that is long enough to be folded into more than one line of the message"
    message["Message-ID"] = "<1@example.com>"
    message["In-Reply-To"] = "<0@example.com>"
    message["References"] = "<a@example.com> <0@example.com>"
    message.set_content("Hello,\nmy number is 0491 570 156.\n")
    return message


def test_a_plain_letter_is_read() -> None:
    found = letter(built().as_bytes(policy=email.policy.SMTP))
    assert found.message.subject == str(built()["Subject"])
    assert found.message.from_ == "Jänë Public <Jane@Example.com>"
    assert (found.message.message_id, found.message.in_reply_to) == ("<1@example.com>", "<0@example.com>")
    assert found.ancestors == ["<a@example.com>", "<0@example.com>"]
    assert found.sender == "jane@example.com"
    assert found.body_text == "Hello,\nmy number is 0491 570 156.\n"
    assert {"1570156", "jane@example.com", "care@example.com"} <= set(found.identifiers)
    assert (found.files, found.automatic, found.damaged) == ([], None, False)


def test_of_two_forms_the_plain_one_is_shown_and_the_html_is_kept_beside_it() -> None:
    message = built()
    message.add_alternative("<p>Hello,</p><a href='mailto:bob@example.com'>Bob</a><script>x()</script>", subtype="html")
    message.add_attachment(bytes(range(256)) * 9, maintype="image", subtype="png", filename="a b.png")
    message.add_attachment("id,name\n", subtype="csv", filename="../../etc/pässwd.csv")
    found = letter(message.as_bytes(policy=email.policy.SMTP))
    assert found.body_text == "Hello,\nmy number is 0491 570 156.\n"
    assert [name for name, _, _ in files(found)] == ["message.html", "a b.png", "pässwd.csv"]
    assert [file.html for file in found.files] == [True, False, False]
    assert files(found)[1][2] == bytes(range(256)) * 9
    # an address that only the HTML has is found by an erasure
    assert "bob@example.com" in found.identifiers


def test_html_alone_is_shown_as_text_without_anything_that_runs() -> None:
    found = letter(
        "Content-Type: text/html; charset=iso-8859-1\nSubject: x\n\n"
        "<html><head><title>No</title><style>p {color: red}</style></head><body onload='evil()'>"
        "<p>Dear <b>all</b> &amp; &lt;everybody&gt;,</p><SCRIPT src=//example.com/x>steal('</p>')</SCRIPT >"
        "<!-- <p>unseen</p> --><ul><li>one<li>two</ul><img src=x onerror='a>b'>1 < 2<br/>end</body>"
    )
    assert found.body_text == "Dear all & <everybody>,\n\none\ntwo\n1 < 2\nend"
    (kept,) = found.files
    assert (kept.html, kept.content_type, kept.file_name) == (True, "text/html", "message.html")
    assert b"steal" in b"".join(kept.body)


@given(st.text(st.sampled_from("<>!-/\"'= apscriptyle&;#\n"), max_size=200))
def test_no_script_is_left_of_any_html(source: str) -> None:
    assert "evil" not in text_of(f"{source}'\"><script>evil()</script>").replace(source, "")


@pytest.mark.parametrize(
    "source", ["<" * 300_000, "<a " * 100_000, "<!--" * 75_000, "<script>" * 40_000, "<p a='" * 50_000]
)
def test_html_made_to_be_slow_is_not(source: str) -> None:
    text_of(source)


@pytest.mark.parametrize(
    ("header", "content", "shown"),
    [
        ("text/plain; charset=utf-8", "Grüße".encode(), "Grüße"),
        ("text/plain; charset=iso-8859-1", "Grüße".encode("latin-1"), "Grüße"),
        ("text/plain; charset=shift_jis", "日本".encode("shift_jis"), "日本"),
        ("text/plain; charset=no-such", "Grüße".encode(), "Grüße"),
        ("text/plain; charset=no-such", "Grüße €".encode("cp1252"), "Grüße €"),
        ("text/plain; charset=us-ascii", "Grüße".encode("latin-1"), "Grüße"),
        ("text/plain; charset=zlib", b"plain", "plain"),
        ("text/plain; charset=idna", b"xn--" + b"a" * 5000, "xn--" + "a" * 5000),
        ('text/plain; charset="\x00"', b"a\x00b\x1b[31mc", "ab[31mc"),
        ("text/plain; charset=utf-16", b"\xff\xfea\x00b\x00", "ab"),
        ("text", b"one word for a type", "one word for a type"),
        ("multipart/mixed", b"no boundary", "no boundary"),
        ("multipart/mixed; boundary=x", b"never a boundary", "never a boundary"),
        ("multipart/mixed; boundary=x", b"--x\r\n\r\none\r\n--x\r\n\r\ntwo", "one\n\ntwo"),
        ("multipart/mixed; boundary=x", b"--x--\r\n", ""),
    ],
)
def test_charsets_and_types_that_are_wrong_are_read_as_well_as_can_be(header: str, content: bytes, shown: str) -> None:
    found = letter(f"Content-Type: {header}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n".encode() + content)
    assert found.body_text == shown


@pytest.mark.parametrize(
    ("encoding", "content", "decoded", "damaged"),
    [
        ("base64", b"aGVs\r\nbG8=\r\n", b"hello", False),
        ("BASE64 ", b"aGVsbG8", b"hello", False),
        ("base64", b"aGVs!bG8=", b"hello", True),
        ("base64", b"aGVsbG8=aGVs", b"hello\x1a\x19[", True),
        ("base64", b"a", b"", True),
        ("quoted-printable", b"a=3Db=\r\nc =zz=", b"a=bc =zz", False),
        ("x-unknown", b"as it is", b"as it is", False),
    ],
)
def test_attachments_are_decoded_and_what_is_wrong_is_noticed(
    encoding: str, content: bytes, decoded: bytes, damaged: bool
) -> None:
    head = f"Content-Type: application/pdf\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode()
    (file,) = letter(head + content).files
    assert b"".join(file.body) == decoded
    assert file.body.damaged is damaged
    assert (file.file_name, file.content_type) == ("attachment.pdf", "application/pdf")


@given(st.binary(max_size=400_000), st.sampled_from(["base64", "quoted-printable"]))
@settings(max_examples=20)
def test_what_the_standard_library_encodes_is_decoded(content: bytes, encoding: str) -> None:
    content = content * random.Random(len(content)).choice([1, 3])
    message = EmailMessage()
    message.set_content(content, maintype="application", subtype="pdf", cte=encoding)
    (file,) = letter(message.as_bytes(policy=email.policy.SMTP)).files
    decoded = b"".join(file.body)
    if encoding == "base64":
        assert decoded == content
    else:
        assert decoded.rstrip(b"\r\n").replace(b"\r\n", b"\n") == content.rstrip(b"\r\n").replace(b"\r\n", b"\n")


def test_a_letter_in_a_letter_is_a_file() -> None:
    outer = built()
    outer.add_attachment(built())
    found = letter(outer.as_bytes(policy=email.policy.SMTP))
    ((name, kind, content),) = files(found)
    assert (name, kind) == ("message.eml", "message/rfc822")
    assert letter(content).message.message_id == "<1@example.com>"


def test_a_hundred_thousand_headers_and_a_thousand_nested_parts_do_no_harm() -> None:
    many = "Subject: first\n" + "X-Junk: yes\n" * 100_000 + "To: lost@example.com\n\nbody"
    found = letter(many)
    assert (found.message.subject, found.body_text.split("\n\n")[1:], found.damaged) == ("first", ["body"], True)
    assert len(many) > MOST_HEADERS
    long = letter("Subject: " + "y" * 1_000_000 + "\n\nbody")
    assert (long.body_text, len(long.message.subject or "")) == ("body", 1000)
    nest = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(1000)) + "\ndeep"
    found = letter(nest)
    assert found.damaged
    assert len(found.files) == 1
    parts = "Content-Type: multipart/mixed; boundary=x\n\n" + "--x\n\npart\n" * 2000
    assert letter(parts).damaged
    recipients = letter("To: " + ", ".join(f"a{n} <a{n}@example.com>" for n in range(20_000)) + "\n\nbody")
    assert recipients.body_text == "body"


@pytest.mark.parametrize(
    ("headers", "envelope", "automatic"),
    [
        ("", "jane@example.com", None),
        ("Auto-Submitted: no", "jane@example.com", None),
        ("Auto-Submitted: auto-replied; owner=x", "jane@example.com", "auto-submitted"),
        ("auto-submitted: AUTO-generated", "", "auto-submitted"),
        ("X-Autoreply: yes", "jane@example.com", "auto-submitted"),
        ("Precedence: Bulk", "jane@example.com", "list"),
        ("Precedence: list", "jane@example.com", "list"),
        ("Precedence: first-class", "jane@example.com", None),
        ("", "", "bounce"),
        ("Return-Path: <>", None, "bounce"),
        ("Return-Path: <jane@example.com>", None, None),
        ("Content-Type: multipart/report; report-type=delivery-status; boundary=x", "a@example.com", "bounce"),
        ("Content-Type: multipart/report; report-type=disposition-notification", "a@example.com", "auto-submitted"),
    ],
)
def test_what_a_machine_wrote_is_told(headers: str, envelope: str | None, automatic: str | None) -> None:
    assert letter(f"{headers}\nSubject: x\n\nbody".lstrip(), envelope).automatic == automatic


REPORT = """From: postmaster@example.com
Content-Type: multipart/report; report-type=delivery-status; boundary=x

--x

It did not arrive.
--x
Content-Type: message/delivery-status

Reporting-MTA: dns; example.com

Final-Recipient: rfc822; jane@example.com
Action: {action}
Status: 5.1.1
--x
Content-Type: {kind}

From: care@example.com
Message-ID: <ours@example.com>

{rest}--x--
"""


@pytest.mark.parametrize(("kind", "rest"), [("text/rfc822-headers", ""), ("message/rfc822", "Dear Jane\n")])
def test_a_report_names_the_message_that_did_not_arrive(kind: str, rest: str) -> None:
    for action, failed in (("failed", True), ("delayed", False)):
        found = letter(REPORT.format(action=action, kind=kind, rest=rest), "")
        assert (found.reported, found.failed) == ("<ours@example.com>", failed)
    # who stands in the message that came back is found by an erasure
    assert "care@example.com" in found.identifiers
    assert {file.content_type for file in found.files if file.copy} >= {"message/delivery-status"}


def test_a_sender_is_found_wherever_it_stands() -> None:
    assert letter("From: Jane <JANE@example.com>\n\n", "bounce@example.com").sender == "jane@example.com"
    assert letter("Sender: jane@example.com\n\n", "bounce@example.com").sender == "jane@example.com"
    assert letter("From: nobody at all\n\n", "Bounce@example.com").sender == "bounce@example.com"
    assert letter("Return-Path: <jane@example.com>\n\n", None).sender == "jane@example.com"
    assert letter("Subject: who\n\n", "").sender is None
    assert letter("From: a@example.com\nReply-To: Other <Other@example.com>\n\n").reply_to == "other@example.com"
    assert letter("X-Loop: care@example.com\n\n").loops == ["care@example.com"]


@pytest.mark.parametrize(
    ("written", "safe"),
    [
        ("bill.pdf", "bill.pdf"),
        ("C:\\Users\\jane\\bill.pdf", "bill.pdf"),
        ("../../../etc/passwd", "passwd"),
        ("exe\u202efdp.bill", "exefdp.bill"),
        ("a\r\nContent-Type: text\x00.html", "a Content-Type_ text.html"),
        ("..", ""),
        ("x" * 400 + ".pdf", "x" * 146 + ".pdf"),
        ("nul?.txt ", "nul_.txt"),
    ],
)
def test_a_file_name_is_made_safe(written: str, safe: str) -> None:
    assert safe_name(written) == safe


def test_of_a_long_text_the_beginning_is_shown_and_all_of_it_kept() -> None:
    line = "0123456789" * 6 + "\n"
    found = letter("Subject: x\n\n" + line * 50_000)
    assert found.body_text == (line * 50_000)[:500_000]
    ((name, kind, content),) = files(found)
    assert (name, kind, found.files[0].copy, found.identifiers) == ("text.txt", "text/plain", True, ["*"])
    assert content == (line * 50_000).replace("\n", "\r\n").encode()
    parts = "Content-Type: multipart/mixed; boundary=x\n\n" + f"--x\n\n{line * 5_000}" * 20
    assert sum(file.copy for file in letter(parts).files) > 10


def test_two_files_of_one_name_get_two() -> None:
    message = built()
    for content in (b"1", b"2"):
        message.add_attachment(content, maintype="application", subtype="pdf", filename="Bill.pdf")
    assert [name for name, _, _ in files(letter(message.as_bytes()))] == ["Bill.pdf", "Bill (2).pdf"]


def test_a_letter_is_the_same_whatever_way_it_came_and_another_is_not() -> None:
    content = built().as_bytes(policy=email.policy.SMTP)
    again = b"Received: from there\r\nDelivered-To: care@example.com\r\n" + content
    assert letter(content).digest == letter(again).digest
    assert letter(content).digest != letter(content + b"PS: and this.\r\n").digest
    assert letter(content).digest != letter(content.replace(b"<1@", b"<2@")).digest


def _covered(file: BinaryIO, found: ParsedMessage) -> None:
    """Every text can be stored, every file can be read, and nothing is outside the message."""
    for text in (found.body_text, *(getattr(found.message, name) or "" for name in found.message.__struct_fields__)):
        assert "\x00" not in text
        text.encode()
    for file_ in (*found.files, found.original):
        assert file_.file_name
        b"".join(file_.body)
    structure = scan(file)
    ends = [0]
    for part in structure.parts:
        assert ends[-1] <= part.start <= part.end
        ends.append(part.end)
    assert ends[-1] <= len(file.read() or b"") + file.tell()
    assert structure.parts


_PIECES = st.sampled_from(
    [
        b"\r\n", b"\n", b"\r", b" ", b"--", b"--x", b"--x--", b"--y", b"Content-Type: multipart/mixed; boundary=x",
        b"Content-Type: multipart/alternative; boundary=\"y\"", b"Content-Type: text/html; charset=utf-7",
        b"Content-Type: message/rfc822", b"Content-Type: multipart/report; report-type=delivery-status; boundary=x",
        b"Content-Transfer-Encoding: base64", b"Content-Transfer-Encoding: quoted-printable", b"From: <",
        b"Subject: =?",
        b"=?utf-8?b?aGVs?=", b"=?x?q?=00?=", b"Content-Disposition: attachment; filename*0*=x''%ff; filename*1=",
        b"Message-ID: <a@b>", b"References:", b"To: a:b;,(", b"\x00\xff\xfe", b"<script>", b"=3D=", b"Date: ",
    ]
)  # fmt: skip


@given(
    st.one_of(st.binary(max_size=2000), st.lists(st.one_of(_PIECES, st.binary(max_size=9)), max_size=60).map(b"".join))
)
@settings(max_examples=examples(150, long=400))
def test_random_bytes_never_raise_and_are_never_lost(content: bytes) -> None:
    found = letter(content)
    _covered(io.BytesIO(content), found)
    assert b"".join(found.original.body) == content
    assert found.digest == letter(content).digest


@given(st.lists(_PIECES, max_size=40).map(b"\r\n".join), st.integers(0, 2**32))
@settings(max_examples=60)
def test_a_good_letter_with_bytes_changed_never_raises(junk: bytes, seed: int) -> None:
    message = built()
    message.add_alternative("<p>Hello</p>", subtype="html")
    message.add_attachment(b"content" * 50, maintype="application", subtype="pdf", filename="Bill.pdf")
    content = bytearray(message.as_bytes(policy=email.policy.SMTP))
    at = random.Random(seed)
    for _ in range(10):
        content[at.randrange(len(content))] = at.randrange(256)
    place = at.randrange(len(content))
    content[place:place] = junk
    _covered(io.BytesIO(bytes(content)), letter(bytes(content)))
