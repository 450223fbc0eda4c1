"""Reads a message with Python's email package, and prints what a reader sees of it as JSON."""
import base64, email, email.policy, json, sys
from email.header import decode_header, make_header
from email.utils import getaddresses

message = email.message_from_binary_file(sys.stdin.buffer, policy=email.policy.default)
plain = email.message_from_string(message.as_string(policy=email.policy.compat32))

def people(field):
    return [{"name": str(make_header(decode_header(name))), "address": address} for name, address in getaddresses([v.replace("\r\n", "").replace("\n", "") for v in plain.get_all(field, [])])]

def content(kind):
    part = message.get_body(preferencelist=(kind,))
    return None if part is None else part.get_payload(decode=True).decode(part.get_content_charset() or "ascii").replace("\r\n", "\n")

files = [p for p in message.walk() if p.get_filename() is not None]
json.dump({
    "subject": message["subject"],
    **{field.replace("-", "_"): people(field) for field in ("from", "to", "cc", "reply-to")},
    "text": content("plain"),
    "html": content("html"),
    "files": sorted(({"name": p.get_filename(), "base64": base64.b64encode(p.get_payload(decode=True)).decode(), "id": (p["content-id"] or "").strip("<>") or None} for p in files), key=lambda f: f["name"]),
    "defects": [str(d) for p in message.walk() for d in p.defects],
}, sys.stdout)
