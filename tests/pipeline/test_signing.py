"""What leaves is signed, when there is a key."""

import dkim
from cryptography.hazmat.primitives.asymmetric import rsa

from digest.compose.message import Composer
from digest.deliver.sign import Key, dns_record
from digest.links import Links
from digest.models import Message
from digest.pipeline.compose import compose
from digest.pipeline.render import Renderer
from digest.storage import outbox
from digest.storage.database import Database
from tests.make import NOW, make_paper, make_site
from tests.pipeline.steps import announce, at, subscribe

KEY = Key("papers.dev", "mail", rsa.generate_private_key(65537, 2048))


async def test_every_mail_leaves_with_a_good_signature(db: Database) -> None:
    await subscribe(db)
    await announce(db, make_paper(1, title="language models"))
    await compose(db, clock=at(NOW))
    async with db.write() as conn:
        claim = await outbox.claim(conn, worker="w", now=NOW, limit=10)
    composer = Composer(make_site(), Links("https://papers.dev", ["key"]))
    renderer = Renderer(db, composer, key="key", domain="papers.dev", signing=[KEY])
    [message] = (await renderer(claim.ready)).values()
    assert isinstance(message, Message)
    assert dkim.verify(message.raw, dnsfunc=lambda name, timeout=5: dns_record(KEY)[1].encode())
