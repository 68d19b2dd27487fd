//! *Shell variables*: those whose values are known only where a shell runs.

/// Variables that shells, or the programs that start them, set themselves.
pub(super) const SHELL_VARIABLES: [&str; 23] = [
    "BASHPID",
    "BASH_VERSION",
    "EPOCHREALTIME",
    "EPOCHSECONDS",
    "EUID",
    "GROUPS",
    "HOME",
    "HOSTNAME",
    "HOSTTYPE",
    "IFS",
    "LINENO",
    "MACHTYPE",
    "OPTIND",
    "OSTYPE",
    "PPID",
    "PS1",
    "PS2",
    "PS4",
    "RANDOM",
    "SECONDS",
    "SHELL",
    "SHLVL",
    "UID",
];
