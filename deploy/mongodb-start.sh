#!/bin/bash
# Members of a replica set know each other by a key file that only its owner may read, so it is made at the start.
set -eu
printf '%s' "$MONGODB_KEYFILE" > /keyfile/key
chown 999:999 /keyfile/key
chmod 400 /keyfile/key
unset MONGODB_KEYFILE
exec docker-entrypoint.sh mongod --replSet rs0 --bind_ip_all --keyFile /keyfile/key
