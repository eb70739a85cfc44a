"""A text is read in the charset that it is in, whatever it says; what machines write waits for nobody."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callfloor.mail.charsets import decoded
from callfloor.mail.message import read

JAPANESE = "お世話になっております。請求書についてお問い合わせいたします。ご確認ください。"
CHINESE = "您好，我想咨询一下我的账单。请尽快回复我，谢谢。电话号码没有变化。"
TRADITIONAL = "您好，我想詢問我的帳單問題，請儘快回覆，謝謝您的幫忙。"
RUSSIAN = "Здравствуйте, у меня вопрос по счёту. Пожалуйста, перезвоните мне завтра утром."
KOREAN = "안녕하세요. 청구서에 대해 문의드립니다. 확인 부탁드립니다."


@pytest.mark.parametrize(
    ("text", "codec", "declared"),
    [
        (JAPANESE, "iso2022_jp", [None, "unknown-8bit", "us-ascii", "utf-8", "iso-2022-jp", "nonsense"]),
        (JAPANESE, "cp932", ["shift_jis", "x-sjis", "Windows-31J"]),
        (JAPANESE, "euc_jp", ["euc-jp"]),
        (CHINESE, "gb18030", [None, "unknown-8bit", "us-ascii", "utf-8", "gb2312", "GBK", "x-gbk"]),
        (CHINESE + "镕", "gbk", ["gb2312"]),
        (TRADITIONAL, "big5", ["big5", "x-big5"]),
        (RUSSIAN, "koi8_r", ["koi8-r"]),
        (RUSSIAN, "cp1251", [None, "windows-1251", "win-1251", "x-cp1251", "utf-8"]),
        (RUSSIAN, "mac_cyrillic", ["x-mac-cyrillic"]),
        (KOREAN, "cp949", ["ks_c_5601-1987", "euc-kr"]),
        (KOREAN, "iso2022_kr", [None, "iso-2022-kr"]),
        (RUSSIAN, "utf-8", [None, "us-ascii", "iso-8859-1", "unknown-8bit"]),
        (RUSSIAN, "utf-16", [None, "utf-16"]),
        (CHINESE, "utf-7", ["utf-7", "unicode-1-1-utf-7"]),
        ("Grüße aus Köln, bitte rufen Sie mich zurück.", "cp1252", [None, "iso-8859-1", "us-ascii", "utf-8"]),
        ("plain words", "ascii", [None, "us-ascii", "iso-8859-1", "idna", "rot13", "hex", "undefined"]),
    ],
)
def test_a_text_is_read_whatever_it_says_of_its_charset(text: str, codec: str, declared: list[str | None]) -> None:
    for name in declared:
        assert decoded(text.encode(codec), name).removeprefix("\ufeff") == text, name


@given(st.binary(max_size=200), st.none() | st.text(max_size=12))
def test_any_bytes_are_read_as_something(content: bytes, charset: str | None) -> None:
    assert isinstance(decoded(content, charset), str)


def test_a_subject_in_raw_bytes_is_read() -> None:
    for codec in ("gb18030", "iso2022_jp"):
        text = CHINESE if codec == "gb18030" else JAPANESE
        found = read(io.BytesIO(b"From: a@example.com\nSubject: " + text.encode(codec) + b"\n\n" + text.encode(codec)))
        assert (found.message.subject, found.body_text) == (text, text)


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ("Precedence: auto_reply", "auto-submitted"), ("Precedence: Auto-Reply", "auto-submitted"),
        ("Precedence: bulk", "list"), ("Precedence: junk", "list"), ("Precedence: list", "list"),
        ("Auto-Submitted: auto-replied (vacation)", "auto-submitted"),
        ("Auto-Submitted: auto-generated; x=y", "auto-submitted"),
        ("X-Auto-Response-Suppress: OOF, AutoReply", "auto-submitted"), ("X-Auto-Response-Suppress: None", None),
        ("Auto-Submitted: no\nX-Auto-Response-Suppress: All", None), ("Auto-Submitted: no (a person)", None),
        ("X-Autoreply: yes", "auto-submitted"), ("X-Autoresponder: x", "auto-submitted"),
        ("List-Id: News <news.example.com>", "list"), ("List-Unsubscribe: <mailto:u@example.com>", "list"),
        ("Return-Path: <>", "bounce"), ("Precedence: first-class", None), ("X-Other: 1", None),
    ],
)  # fmt: skip
def test_what_a_machine_wrote_is_known_by_its_headers(header: str, why: str | None) -> None:
    assert read(io.BytesIO(f"From: a@example.com\n{header}\n\nHello\n".encode())).automatic == why


def test_a_mailer_daemon_is_no_customer() -> None:
    assert read(io.BytesIO(b"From: Mail <MAILER-DAEMON@mx.example.com>\n\nSorry\n")).automatic == "bounce"
