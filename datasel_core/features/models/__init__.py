"""Models behind encoders: loading them safely, and running them."""
