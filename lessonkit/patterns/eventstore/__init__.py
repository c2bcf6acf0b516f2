"""Event sourcing: the store, the state computed from it, and read models that follow it."""
