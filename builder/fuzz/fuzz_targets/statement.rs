#![cfg_attr(fuzzing, no_main)]

diskette_builder_fuzz::fuzz_program!(diskette_builder_fuzz::targets::statement::run);
