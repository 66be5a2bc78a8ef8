"""The commands. `app` finds them by entry point; each file here is one command or one group."""
