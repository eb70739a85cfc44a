"""A record of evidence as it is kept: much the same words stand in every one, so they are kept once, here.

The first byte says how the rest is to be read: 0 as it is, 1 as raw DEFLATE (RFC 1951) with the dictionary below. The
text comes back byte for byte. A dictionary that records were packed with is never changed: another one gets a number of
its own.
"""

from __future__ import annotations

import zlib

PLAIN, DEFLATED = 0, 1
# What records look like, what is most usual last, where DEFLATE points to it most cheaply.
DICTIONARY = (
    b'"activityId":"agentId":"mode":"transfer","consultation","parentActivityId":'
    b'"callback-agent":"The callback is the agent\'s.","mode":"manual","mode":"preview","mode":"progressive",'
    b'"regime":"AU","regime":"UK","regime":"US","regime":"none",'
    b'"next-attempt":"The lead is due since the campaign\'s zone ","phone":"The lead has 2 phone(s); phone2 is next.",'
    b'"window":"It is 2026-11- in the campaign\'s zone Australia/Sydney, inside the calling hours."'
    b'{"agentReserved":true,"attemptsBefore":1,"attemptsOfNumber":0,"attemptsOfNumberDays":30,"attemptsOfPhone":0,'
    b'"campaignId":1,"commitments":{"leadId":"","phoneNumber":""},"doNotCallCheckedAt":"2026-11-2",'
    b'"listId":1,"localTimes":{"Australia/Sydney":"2026-11-"},"maxAttempts":10,"maxAttemptsPerDay":null,'
    b'"maxAttemptsPerNumber":null,"mode":"predictive","pacing":{"abandoned":0,"busy":0,"idle":0,"lines":1,"live":0,'
    b'"liveRate":0.2,"liveRateSpread":0.1,"mode":"one-to-one","mode":"predictive","threshold":0.00,"waiting":0},'
    b'"phoneIndex":1,"regime":"AU","rules":{"abandoned":"No call to the lead was abandoned lately.",'
    b'"attempts":"0 of at most 10 attempts were made.","callback-agent":"Any agent may call the lead.",'
    b'"campaign":"The campaign is outbound and active.","completion":"The lead is not completed.",'
    b'"contact-window":"It is 2026-11-:00 in the contact\'s zone Australia/Sydney, inside the calling hours.",'
    b'"destination":"Every phone of the lead is where the organisation calls.",'
    b'"do-not-call":"No phone of the lead is on a do-not-call list.",'
    b'"in-flight":"No call to the lead is up, and its number is on none.",'
    b'"list":"The list is in the dialler with weight 1.","next-attempt":"No time is set for the next attempt.",'
    b'"phone":"The lead has 1 phone(s); phone1 is next.","strategy":"The strategy calls leads of status New.",'
    b'"window":"The campaign has no calling hours and may call at any time."}}'
)
RAW = -zlib.MAX_WBITS
# A record is about 2 kB; no row of a database that was tampered with takes more memory than this.
LONGEST = 1 << 20


def pack(text: str) -> bytes:
    """The record, as short as it gets."""
    squeeze = zlib.compressobj(wbits=RAW, zdict=DICTIONARY)
    return bytes([DEFLATED]) + squeeze.compress(text.encode()) + squeeze.flush()


def unpack(packed: bytes) -> str:
    """What `pack` was given. Raises `ValueError` for anything else."""
    if packed[:1] == bytes([PLAIN]):
        return packed[1:].decode()
    if packed[:1] != bytes([DEFLATED]):
        raise ValueError("this record is packed in a way that is not known here")
    expand = zlib.decompressobj(wbits=RAW, zdict=DICTIONARY)
    try:
        text = expand.decompress(packed[1:], LONGEST)
    except zlib.error as error:
        raise ValueError("this record cannot be unpacked") from error
    if not expand.eof or expand.unused_data:
        raise ValueError("this record does not end where it should")
    return text.decode()
