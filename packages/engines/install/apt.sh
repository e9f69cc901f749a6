#!/bin/sh
# Installs packages on Debian or Ubuntu, as root, and leaves no service running or enabled that was not so before.
set -eu
export DEBIAN_FRONTEND=noninteractive

policy=/usr/sbin/policy-rc.d
new=''
for package in "$@"; do
  case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true) in
    *'ok installed'*) ;;
    *) new="$new $package" ;;
  esac
done

apt-get update -q
# This is what Debian asks whether a package may start its service. Where there is one already, it is the owner's.
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
  trap 'rm -f "$policy"' EXIT
  trap 'exit 130' INT TERM HUP
fi
apt-get install -q -y --no-install-recommends "$@"
for package in $new; do
  if command -v systemctl >/dev/null 2>&1 && [ -e "/lib/systemd/system/$package.service" ]; then
    systemctl disable --quiet "$package" || true
  fi
done
