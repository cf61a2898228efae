"""An exchange that goes on where it was when its process ends."""
