//! Tests of patterns: one glob, the rules of an ignore file, and how such a file is read.

mod files;
mod globs;
mod rules;

use super::*;
