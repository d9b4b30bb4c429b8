#!/bin/sh
# Makes the replica set the first time; healthy when it takes writes.
exec mongosh --quiet --authenticationDatabase admin --username root --password "$MONGO_INITDB_ROOT_PASSWORD" --eval '
  try {
    rs.status();
  } catch {
    rs.initiate({ _id: "rs0", members: [{ _id: 0, host: "mongodb:27017" }] });
  }
  quit(db.hello().isWritablePrimary ? 0 : 1);'
