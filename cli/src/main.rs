//! The program `diskette`.

#[cfg_attr(not(test), expect(dead_code, reason = "used by the commands, which come next"))]
mod render;

fn main() {}
