#!/usr/bin/env bash
# The system group: installs Debian's packages as root, then runs the tests that need them.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}

packages="chromium fonts-dejavu-core postfix dovecot-core dovecot-imapd dovecot-lmtpd opendkim opendkim-tools"
missing=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' $packages 2>/dev/null | grep -c ' installed$' || true)
if [ "$missing" -ne "$(echo $packages | wc -w)" ]; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages
fi
$python -m pip install -q -e '.[test,semantic,browser]'
exec $python -m pytest -m system "$@"
