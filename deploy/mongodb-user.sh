#!/bin/sh
# Castellan's own user, which may read and write one database.
set -eu
exec mongosh --quiet "mongodb://mongodb:27017/castellan?replicaSet=rs0&authSource=admin" \
  --username root --password "$MONGO_INITDB_ROOT_PASSWORD" --eval '
    const user = { pwd: process.env.MONGODB_PASSWORD, roles: [{ role: "readWrite", db: "castellan" }] };
    if (db.getUser("castellan")) db.updateUser("castellan", user);
    else db.createUser({ user: "castellan", ...user });'
