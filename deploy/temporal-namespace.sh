#!/bin/sh
# Makes the namespace unless it is there. Its search attributes are registered by the worker.
set -eu
temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null ||
  temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention 168h
