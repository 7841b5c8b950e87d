//! The command line: one file a command, its arguments and what it prints.
