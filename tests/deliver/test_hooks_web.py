"""The webhook over HTTP: only the secret opens it, and an event takes effect before the answer."""

import hashlib
import hmac
import json

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from digest.storage.database import Database
from digest.web.hooks import hook_routes
from tests.deliver.scene import ScriptedTransport, add_readers, run
from tests.make import NOW

EVENT = json.dumps(
    {"event": "bounce", "id": "7", "status": "5.1.1", "message_id": "1.digest@papers.dev"}
).encode()
SIGNED = "sha256=" + hmac.new(b"open sesame", EVENT, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("path", "signature", "status"),
    [
        ("/hooks/bounces", SIGNED, 200),
        ("/hooks/bounces/open%20sesame", "", 200),
        ("/hooks/bounces", "sha256=00", 403),
        ("/hooks/bounces", "", 403),
        ("/hooks/bounces/wrong", "", 403),
    ],
)
async def test_only_the_secret_opens_the_webhook(
    db: Database, path: str, signature: str, status: int
) -> None:
    await add_readers(db, 1)
    await run(db, ScriptedTransport())
    app = Starlette(routes=hook_routes(db, "open sesame", lambda: NOW, ()))
    with TestClient(app) as client:
        answer = client.post(path, content=EVENT, headers={"X-Digest-Signature": signature})
        assert answer.status_code == status
        assert (answer.text == "1 of 1 events taken\n") == (status == 200)


def test_without_a_secret_there_is_no_webhook(db: Database) -> None:
    assert hook_routes(db, None, lambda: NOW, ()) == []
