"""The kit for authors of plugins: `fixtures` for pytest, `conformance`, and a `statemachine`.

`models` goes on where `conformance` ends, with all that models do.
`engines` tests an engine, with the model of `engine_model`, which `engine_plugin` installs.
The others do harm: `faults` and `crashes` at any command, `child_processes` that are killed, a
`replica_set` that loses its primary, `document_edits` by hand. `orphans` finds what that has left.
"""
