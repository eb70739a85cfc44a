"""Requests that were made to take time: bodies of every operation that has one, as wide, deep, long and odd as fits."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

PLATFORM, WORKSPACE = "/platform-api/v3.0", "/workspace/v1"
JSON, CSV = "application/json", "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# just under what a body may have
FULL = 1024 * 1024 - 600
LEAD_DATA = 64 * 1024 - 200


@dataclass(frozen=True)
class Hostile:
    """A request. `api`: the prefix of its API; `path` may name the ids of a centre in braces."""

    name: str
    method: str
    path: str
    body: bytes
    kind: str = JSON
    api: str = PLATFORM
    encoding: str | None = None


def json_bodies() -> Iterator[tuple[str, bytes]]:
    """Whatever the operation expects."""
    yield "90,000 unknown fields", _object((f'"phoen{n}":1' for n in range(90_000)), FULL)
    yield "long unknown names", _object((f'"{"leadDatum" * 300}{n}":1' for n in range(400)), FULL)
    yield "names that nearly fit", _object((f'"phone{"1" * (n % 50)}":{n}' for n in range(60_000)), FULL)
    yield "deep lists", b"[" * (FULL // 2) + b"]" * (FULL // 2)
    yield "deep objects", b'{"a":' * (FULL // 6) + b"1" + b"}" * (FULL // 6)
    yield "deep leadData", b'{"listId":1,"leadData":' + b'{"a":' * 500 + b"1" + b"}" * 501
    yield "a megabyte of text", b'{"customerKey":"' + b"x" * FULL + b'"}'
    yield "a megabyte of escapes", b'{"customerKey":"' + b"\\u0031" * (FULL // 6) + b'"}'
    yield "a megabyte of NULs", b'{"customerKey":"' + b"\\u0000" * (FULL // 6) + b'"}'
    yield "half surrogates", b'{"customerKey":"' + b"\\ud800" * (FULL // 6) + b'"}'
    yield (
        "marks on one letter",
        json.dumps({"customerKey": "a" + "\u0301\u0316" * 200_000}, ensure_ascii=False).encode(),
    )
    yield "a long number", b'{"listId":' + b"9" * (FULL - 20) + b"}"
    yield "a long exponent", b'{"listId":1e' + b"9" * 300_000 + b"}"
    yield "wide lists", b'{"leadData":{"a":[' + b"1," * (FULL // 2 - 20) + b"1]}}"
    yield "no JSON after a megabyte", b'{"a":[' + b'"x",' * (FULL // 4) + b"!"
    yield "bytes that are not UTF-8", b'{"customerKey":"' + b"\xff\xfe" * (FULL // 2) + b'"}'
    yield "only a list", b"[" + b"1," * (FULL // 2 - 2) + b"1]"


def _object(members: Iterator[str], most: int) -> bytes:
    found, size = list[str](), 2
    for member in members:
        size += len(member) + 1
        if size > most:
            break
        found.append(member)
    return ("{" + ",".join(found) + "}").encode()


def _leads() -> Iterator[tuple[str, bytes]]:
    """Bodies that come through to the rules."""

    def lead(**given: object) -> bytes:
        return json.dumps({"listId": "LIST"} | given, ensure_ascii=False).replace('"LIST"', "{list}").encode()

    texts = {
        "digits": "1" * LEAD_DATA, "digits apart": "1 " * (LEAD_DATA // 2), "its own number": "0491570156 " * 5_000,
        "at signs": "@" * LEAD_DATA, "addresses": "a@b.example " * 5_000, "percents": "%31" * (LEAD_DATA // 3),
        "entities": "&#49;" * (LEAD_DATA // 5), "encoded words": "=?utf-8?q?1?= " * 4_500,
        "nested percents": "%2525" * 12_000, "escapes": "\\u0031" * 9_000, "tags": "<b>1</b>" * 8_000,
        "wide digits": "\uff11" * (LEAD_DATA // 3), "marks": "a" + "\u0301\u0316" * 16_000,
        "punycode": "xn--a" * 12_000,
    }  # fmt: skip
    for name, text in texts.items():
        yield f"leadData of {name}", lead(leadData={"note": text})
    yield "leadData of 8,000 fields", lead(leadData={f"f{n}": "0491570156" for n in range(2_500)})
    yield "deep leadData", lead(leadData={"note": "x"}).replace(b'"x"', b"[" * 25 + b"]" * 25)
    for name, text in {
        "digits": "9" * 100_000, "plus": "+" * 100_000, "brackets": "(0)" * 30_000, "wide": "\uff10" * 100_000,
        "marks": "0\u0301\u0316" * 50_000, "extension": "0491570156 ext " + "1" * 100_000, "spaces": "0 " * 50_000,
        "rfc 3966": "tel:0491570156;" + "a=b;" * 20_000, "numbers": "0491570156," * 9_000,
    }.items():  # fmt: skip
        yield f"phone of {name}", lead(phone1=text)
        yield f"phone of little {name}", lead(phone1=text[:60])
    yield "key of marks", lead(customerKey="a" + "\u0301\u0316" * 100_000)
    yield "key of blanks", lead(customerKey="\u3164" * 200_000)
    yield "time of digits", lead(timestamps={"nextAttempt": "2" * 300_000})
    yield "zone of words", lead(timezone="Australia/" + "Sydney " * 20_000)


def _workbook(sheet: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(
            "[Content_Types].xml", '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
        )
        file.writestr(
            "xl/workbook.xml",
            '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r='
            '"http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>'
            '<sheet name="A" sheetId="1" r:id="rId1"/></sheets></workbook>',
        )
        file.writestr(
            "xl/_rels/workbook.xml.rels",
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            '<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"'
            ' Target="worksheets/sheet1.xml"/></Relationships>',
        )
        file.writestr("xl/worksheets/sheet1.xml", sheet)
    return out.getvalue()


def _imports() -> Iterator[tuple[str, bytes, str, str | None]]:
    """Bodies of imports, with their Content-Type and Content-Encoding."""
    rows = b"".join(b'{"listId":{list},"phoen%d":1,"customerKey":"%d"},' % (n, n) for n in range(9_000))
    yield "unknown fields", b"[" + rows[:-1] + b"]", JSON, None
    yield (
        "a row of 90,000 unknown fields",
        b"[" + _object((f'"f{n}":1' for n in range(90_000)), FULL) + b"]",
        JSON,
        None,
    )
    yield "deep rows", b"[" + b"[" * 400_000 + b"]" * 400_000 + b"]", JSON, None
    yield "a number of 400,000 digits", b'{"leads":[{"listId":' + b"9" * 400_000 + b"}]}", JSON, None
    yield "no end", b'[{"listId":{list}},' * 1_000, JSON, None
    yield "ndjson of brackets", b"{}\n" * 160_000, "application/x-ndjson", None
    yield "20,000 columns", b",".join(b"c%d" % n for n in range(20_000)) + b"\n" + b"1," * 20_000 + b"\n", CSV, None
    yield "phone columns", b",".join(b"phone %d" % n for n in range(5_000)) + b"\n1\n", CSV, None
    yield "quotes", b'phone1\n"' + b'""' * 250_000, CSV, None
    yield "separators", b";\t|," * 120_000, CSV, None
    yield "unknown bytes", b"phone1\n" + bytes(range(128, 256)) * 3_900, CSV, None
    yield "numbers that are none", b"listId,phone1\n" + b"{list},(0)(0)(0)(0)(0)\n" * 20_000, CSV, None
    yield "gzip of nothing", gzip.compress(b"\n" * 60_000_000), CSV, "gzip"
    yield "gzip of gzip", gzip.compress(gzip.compress(b"x" * 60_000_000)), CSV, "gzip"
    cells = b'<c t="inlineStr"><is><t>x</t></is></c>'
    sheet = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    yield "workbook of one wide row", _workbook(sheet + b"<row>" + cells * 400_000 + b"</row>"), XLSX, None
    yield "workbook of spaces", _workbook(sheet + b" " * 80_000_000), XLSX, None
    yield "workbook of deep tags", _workbook(sheet + b"<a>" * 2_000_000), XLSX, None
    yield (
        "workbook of entities",
        _workbook(
            b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;">]>' + sheet + b"&b;" * 1000
        ),
        XLSX,
        None,
    )
    head = "multipart/form-data; boundary=x"
    yield "form of 2,000 parts", b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n' * 2_000, head, None
    yield "form of long headers", b'--x\r\nContent-Disposition: form-data; name="' + b'"' * 400_000, head, None
    yield "form without an end", b"--x\r\n" + b"\r\n--" * 120_000, head, None


def requests() -> list[Hostile]:
    """All of them. Bodies are a megabyte at most but where the operation takes more."""
    found = list[Hostile]()
    targets = [
        ("POST", "/leads", PLATFORM), ("PUT", "/leads/1", PLATFORM), ("POST", "/leads/lists", PLATFORM),
        ("PATCH", "/leads/lists/{list}", PLATFORM), ("PUT", "/availability", PLATFORM),
        ("POST", "/admin/do-not-call", PLATFORM), ("DELETE", "/admin/do-not-call/1", PLATFORM),
        ("POST", "/session/commands", WORKSPACE), ("PUT", "/session", WORKSPACE),
        ("POST", "/agents/{agent}/commands", WORKSPACE), ("POST", "/emails/take", WORKSPACE),
        ("POST", "/emails/1/answers", WORKSPACE), ("POST", "/emails/1/close", WORKSPACE),
    ]  # fmt: skip
    for name, body in json_bodies():
        found += [Hostile(f"{name} to {method} {path}", method, path, body, JSON, api) for method, path, api in targets]
    found += [Hostile(f"{name} to POST /leads", "POST", "/leads", body) for name, body in _leads()]
    for name, body, kind, encoding in _imports():
        found.append(Hostile(f"import: {name}", "POST", "/leads/bulk", body, kind, encoding=encoding))
    for action in ("dial", "transfer", "consult", "wrap-up", "do-not-call", "pause"):
        body = json.dumps(
            {"action": action, "number": "0" * 900_000, "to": {"number": "1" * 9}, "reason": "x"}
        ).encode()
        found.append(Hostile(f"{action} of digits", "POST", "/session/commands", body, JSON, WORKSPACE))
    numbers = b"phone,reason,expires\n" + b"".join(b"0491570156,%d,x\n" % n for n in range(60_000))
    for register in ("", "?register=x"):
        found.append(Hostile("numbers to block" + register, "POST", "/admin/do-not-call" + register, numbers, CSV))
    odd = b"phone\n" + b"(0)(0)(0)(0)(0)(0)\n" * 50_000
    found.append(Hostile("odd numbers to block", "POST", "/admin/do-not-call", odd, CSV))
    queries = {
        "addresses": "emailAddress=" + "a" * 7_000 + "@example.com", "marks": "emailAddress=a" + "%CC%81%CC%96" * 600,
        "digits": "phoneNumber=" + "9" * 8_000, "signs": "phoneNumber=" + "%2B" * 2_700,
        "unknown": "&".join(f"phoneNumbre{n}=1" for n in range(99)),
    }  # fmt: skip
    for name, query in queries.items():
        found.append(Hostile(f"customer by {name}", "DELETE", f"/customer?{query}", b""))
        found.append(Hostile(f"leads by {name}", "GET", f"/leads?{query}", b""))
    return found
