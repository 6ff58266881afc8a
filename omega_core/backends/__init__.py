"""The backends that come with the core, and the interface that all backends share."""
