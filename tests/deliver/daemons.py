"""Debian's own mail servers, private to a test: on fresh ports of 127.0.0.1, below a temporary folder.

Ports are checked by a banner of our own: smtp-sink and Postfix share a port with a forgotten server silently.
Postfix needs root.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup    unix n - n 60 1 pickup
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
verify    unix - - n - 1 verify
flush     unix n - n 1000? 0 flush
proxymap  unix - - n - - proxymap
smtp      unix - - n - - smtp
lmtp      unix - - n - - lmtp
error     unix - - n - - error
retry     unix - - n - - error
anvil     unix - - n - 1 anvil
postlog   unix-dgram n - n - 1 postlogd
"""

MAIN = """\
compatibility_level = 3.6
myhostname = {name}
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/mail.log
maillog_file_prefixes = {folder}
smtp_dns_support_level = disabled
smtp_host_lookup = native
default_transport = error:no such domain here
transport_maps = inline:{{ {routes} }}
alias_maps =
alias_database =
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions = permit_mynetworks, reject
smtpd_client_connection_count_limit = 0
smtp_destination_concurrency_limit = 20
lmtp_destination_recipient_limit = 1
smtpd_milters = {milters}
milter_default_action = tempfail
"""

OPENDKIM = """\
Mode v
Socket inet:{port}@127.0.0.1
TestPublicKeys {folder}/keys
InternalHosts {folder}/hosts
AuthservID verifier.dev
Syslog no
"""

DOVECOT = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = imap lmtp
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
first_valid_uid = 1
mail_location = maildir:~/Maildir
recipient_delimiter = +
passdb {{
  driver = static
  args = password=secret
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/home/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service lmtp {{
  user = root
  inet_listener lmtp {{
    port = {lmtp}
  }}
}}
"""


@dataclass(frozen=True)
class Dovecot:
    """Where a private Dovecot listens, and where its mails lie."""

    imap: int
    lmtp: int
    folder: Path

    def mails(self) -> list[Path]:
        """Every mail of every user."""
        return [path for path in self.folder.glob("home/*/Maildir/new/*") if path.is_file()]


def program(name: str) -> str:
    """Debian keeps them in /usr/sbin; tests/system.sh installs them."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    assert found, f"{name} is missing: run tests/system.sh"
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, mark: str, process: "subprocess.Popen[bytes] | None" = None) -> None:
    """Until the server with this mark in its banner answers."""
    for _ in range(200):
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=2) as probe:
                if mark in probe.recv(300).decode("latin-1"):
                    return
        except OSError:
            pass
        assert process is None or process.poll() is None, f"{mark} stopped"
        time.sleep(0.05)
    raise AssertionError(f"{mark} does not answer on port {port}")


@contextmanager
def smtp_sink(*options: str) -> Iterator[int]:
    """Postfix's smtp-sink; gives its port."""
    port, name = free_port(), f"sink-{uuid.uuid4().hex[:8]}"
    user = ["-u", "nobody"] if os.getuid() == 0 else []
    command = [program("smtp-sink"), *user, "-h", name, *options, f"127.0.0.1:{port}", "500"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(port, name, process)
        yield port
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def opendkim(folder: Path, record: tuple[str, str]) -> Iterator[str]:
    """A milter that writes into each mail whether its signature is good, by this one DNS record."""
    port = free_port()
    folder.mkdir()
    (folder / "keys").write_text(f"{record[0]} {record[1]}\n")
    (folder / "hosts").write_text("192.0.2.1\n")  # everybody else is a stranger, whose mail is verified
    (folder / "conf").write_text(OPENDKIM.format(port=port, folder=folder))
    command = [program("opendkim"), "-f", "-x", str(folder / "conf")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not _listens(port):
            assert process.poll() is None, "opendkim stopped"
            time.sleep(0.05)
        yield f"inet:127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def postfix(folder: Path, routes: dict[str, str], *, milters: str = "") -> Iterator[int]:
    """A Postfix that sends domains where `routes` says; gives its port."""
    port, name = free_port(), f"postfix-{uuid.uuid4().hex[:8]}.papers.dev"
    config = folder / "etc"
    for part in ("etc", "queue", "data"):
        (folder / part).mkdir(parents=True, mode=0o755)
    listed = ", ".join(f"{{ {domain} = {where} }}" for domain, where in routes.items())
    (config / "main.cf").write_text(MAIN.format(name=name, folder=folder, routes=listed, milters=milters))
    (config / "master.cf").write_text(MASTER.format(port=port))
    shutil.chown(folder / "data", "postfix")
    _open_way(folder)
    command = [program("postfix"), "-c", str(config)]
    subprocess.run([*command, "start"], check=True, capture_output=True, timeout=60)
    try:
        wait_for(port, name)
        yield port
    finally:
        subprocess.run([*command, "stop"], check=False, capture_output=True, timeout=60)


@contextmanager
def dovecot(folder: Path) -> Iterator[Dovecot]:
    """A Dovecot that takes mail for everybody over LMTP and shows it over IMAP (password: secret)."""
    import pwd

    owner = pwd.getpwnam("mail")
    server = Dovecot(free_port(), free_port(), folder)
    (folder / "home").mkdir(parents=True)
    shutil.chown(folder / "home", owner.pw_uid, owner.pw_gid)
    _open_way(folder)
    config = folder / "dovecot.conf"
    config.write_text(
        DOVECOT.format(folder=folder, uid=owner.pw_uid, gid=owner.pw_gid, imap=server.imap, lmtp=server.lmtp)
    )
    process = subprocess.Popen([program("dovecot"), "-F", "-c", str(config)], stderr=subprocess.DEVNULL)
    try:
        wait_for(server.imap, "Dovecot", process)
        wait_for(server.lmtp, "Dovecot", process)
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def _open_way(folder: Path) -> None:
    """Servers drop root: they must be able to walk to their folder."""
    for path in (folder, *folder.parents):
        if path.stat().st_uid == os.getuid() and path != Path("/"):
            path.chmod(path.stat().st_mode | 0o055)
