#!/bin/sh
# Sets up the Contoso VPN client: a sample that changes nothing.
set -eu
. "$(dirname "$0")/config/settings.ini"
echo "Contoso VPN client $version: gateway $gateway"
