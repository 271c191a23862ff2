"""Take model files apart and put them together again, as an attacker would."""

import hashlib
import io
import json
import zipfile


def members_of(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_members(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def forge(path, payload, **changes):
    """A file whose manifest and checksum fit the payload, as an attacker would write it."""
    members = members_of(path)
    manifest = json.loads(members["cardiorisk.json"]) | changes
    manifest["payload"] = {"sha256": hashlib.sha256(payload).hexdigest(), "size": len(payload)}
    write_members(path, {"cardiorisk.json": json.dumps(manifest), "model.skops": payload})
    return path


def edited_payload(payload, edit):
    """The payload with its schema changed by ``edit``."""
    with zipfile.ZipFile(io.BytesIO(payload)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(members["schema.json"])
    edit(schema)
    buffer = io.BytesIO()
    write_members(buffer, members | {"schema.json": json.dumps(schema)})
    return buffer.getvalue()
