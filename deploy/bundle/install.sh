#!/bin/sh
# Installs Otoscope from this folder, without a network: sudo ./install.sh, or ./install.sh --prefix FOLDER for the command alone.
# An upgrade is the same again: settings and database stay, the version before stays beside the new one.
set -eu

prefix=/opt/otoscope
service=yes
while [ $# -gt 0 ]; do
    case $1 in
        --prefix) prefix=${2:?"--prefix FOLDER"}; service=; shift 2 ;;
        *) echo "usage: $0 [--prefix FOLDER]" >&2; exit 2 ;;
    esac
done
umask 022
cd "$(dirname "$0")"

sha256sum --quiet --check SHA256SUMS || { echo "this bundle is damaged: copy it again" >&2; exit 1; }
version=$(basename wheels/otoscope-*.whl | cut -d - -f 2)
# The libraries are made for one version of Python: that of the first wheel that is for one.
tag=$(basename -a wheels/pydantic_core-*.whl | cut -d - -f 3)
python=python3.${tag#cp3}
command -v "$python" >/dev/null || { echo "this bundle is for $python, which is not here: get the bundle that is made for this system" >&2; exit 1; }
[ -z "$service" ] || [ "$(id -u)" = 0 ] || { echo "installing the service needs root: sudo $0, or --prefix for the command alone" >&2; exit 1; }

target=$prefix/$version
rm -rf "$target.new"
mkdir -p "$target.new/bin" "$target.new/lib/otoscope"
# pip out of its own wheel: the system needs Python and nothing else.
"$python" -I "$(echo wheels/pip-*.whl)/pip" install --quiet --no-index --no-compile --disable-pip-version-check --root-user-action ignore \
    --find-links wheels --target "$target.new/lib/otoscope/packages" 'otoscope[azure,console,directory,stix]'
sed "1s|.*|#!$(command -v "$python") -IS|" service/otoscope > "$target.new/bin/otoscope"
chmod 755 "$target.new/bin/otoscope"
rm -rf "$target"
mv "$target.new" "$target"
"$python" -m compileall -q "$target/lib/otoscope/packages" || true
# From here on it is the new version, at once.
ln -sfn "$version" "$prefix/current"
"$prefix/current/bin/otoscope" --version
[ -n "$service" ] || exit 0

ln -sf "$prefix/current/bin/otoscope" /usr/local/bin/otoscope
install -m 755 service/otoscope-nic "$prefix/otoscope-nic"
for unit in otoscope.service otoscope-console.service otoscope-nic@.service; do
    sed -e "s|/usr/bin/otoscope|$prefix/current/bin/otoscope|" -e "s|/usr/lib/otoscope/otoscope-nic|$prefix/otoscope-nic|" \
        -e "s|/usr/share/doc/otoscope|$prefix|" "service/$unit" > "/etc/systemd/system/$unit"
done
install -m 644 install.md "$prefix/install.md"
install -D -m 644 service/sysusers.conf /etc/sysusers.d/otoscope.conf
install -D -m 644 service/tmpfiles.conf /etc/tmpfiles.d/otoscope.conf
systemd-sysusers otoscope.conf
systemd-tmpfiles --create otoscope.conf
[ -e /etc/otoscope/otoscope.toml ] || install -m 644 otoscope.toml /etc/otoscope/otoscope.toml
[ -e /etc/default/otoscope-nic ] || install -D -m 644 service/otoscope-nic.default /etc/default/otoscope-nic
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    systemctl try-restart otoscope.service otoscope-console.service
fi
echo "The service is not enabled yet: see $prefix/install.md"
