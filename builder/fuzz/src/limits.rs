//! The memory that an input may use. Its time is limited by libFuzzer's `-timeout`.

use std::alloc::System;

use cap::Cap;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// How much may be allocated for one input at a time, in bytes. The process ends when it is exceeded.
pub const INPUT_MEMORY: usize = 64 << 20;

/// Calls a function that may allocate so many bytes at a time, and no more than what is left of a limit that
/// holds already.
pub fn with_memory<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    let before = ALLOCATOR.limit();
    let limit = ALLOCATOR.allocated().saturating_add(bytes).min(before);
    ALLOCATOR.set_limit(limit).expect("less is allocated");
    let result = work();
    ALLOCATOR.set_limit(before).expect("less is allocated");
    result
}
