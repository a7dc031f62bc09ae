"""The version that enters manifests."""

VERSION = "0.1.0"
