"""The version that enters manifests."""

VERSION = "0.2.0"
