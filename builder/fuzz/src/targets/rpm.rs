//! A database of rpm is read, or refused, whatever is in it.

use diskette_builder::fuzzing::read_rpm_database;

/// Runs the target on a database of openSUSE.
pub fn ndb(input: &[u8]) {
    drop(read_rpm_database(input, None));
}

/// Runs the target on a database of SQLite. The first two bytes are the number of kibibytes at the end that are its
/// log.
pub fn sqlite(input: &[u8]) {
    let Some((log, input)) = input.split_first_chunk::<2>() else { return };
    let log = usize::from(u16::from_le_bytes(*log)) * 1024;
    let (file, log) = input.split_at(input.len().saturating_sub(log));
    drop(read_rpm_database(file, Some(log)));
}
