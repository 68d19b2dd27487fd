//! The rounds of two states at once. Each step is written for both states, so that the instructions of
//! one run while the other waits. A function that is compiled for the instructions of a processor cannot
//! be generic over them; so a macro makes it of the operations of each processor.

/// The round constants: FIPS 180-4, section 4.2.2.
pub(crate) const ROUND_CONSTANTS: [[u32; 4]; 16] = [
    [0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5],
    [0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5],
    [0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3],
    [0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174],
    [0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc],
    [0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da],
    [0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7],
    [0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967],
    [0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13],
    [0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85],
    [0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3],
    [0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070],
    [0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5],
    [0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3],
    [0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208],
    [0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2],
];

/// Defines `compress_pair` for a module that has the operations `add`, `set_words`, `load_block`,
/// `load_state`, `store_state`, `four_rounds` and `schedule`, the type `Lane` of a state, and
/// `is_supported`. `$features` are the instructions, `$vector` is the type of four words.
macro_rules! define_compress_pair {
    ($features:literal, $vector:ty) => {
        /// The words of a message for sixteen rounds.
        type Group = [$vector; 4];

        /// Advances two states by equally many blocks. The processor has to have the instructions.
        #[expect(unsafe_code, reason = "the instructions are detected at run time")]
        pub(crate) fn compress_pair(states: [&mut State; 2], blocks: [&[Block]; 2]) {
            assert!(is_supported(), "no instructions for SHA-256");
            // SAFETY: the processor has the features that the function is compiled for.
            unsafe { compress(states, blocks) }
        }

        #[target_feature(enable = $features)]
        fn compress(states: [&mut State; 2], blocks: [&[Block]; 2]) {
            let [first, second] = states;
            let mut lanes = [load_state(first), load_state(second)];
            for (first, second) in blocks[0].iter().zip(blocks[1]) {
                let before = lanes;
                let mut words = [load_block(first), load_block(second)];
                let (groups, _) = $crate::rounds::ROUND_CONSTANTS.as_chunks::<4>();
                for (number, constants) in groups.iter().enumerate() {
                    if number > 0 {
                        words = [next_group(words[0]), next_group(words[1])];
                    }
                    step::<0>(&mut lanes, &words, constants);
                    step::<1>(&mut lanes, &words, constants);
                    step::<2>(&mut lanes, &words, constants);
                    step::<3>(&mut lanes, &words, constants);
                }
                for (lane, before) in lanes.iter_mut().zip(before) {
                    *lane = [add(lane[0], before[0]), add(lane[1], before[1])];
                }
            }
            *first = store_state(lanes[0]);
            *second = store_state(lanes[1]);
        }

        /// Does four rounds of both states, with the words at a place of their groups.
        #[inline]
        #[target_feature(enable = $features)]
        fn step<const AT: usize>(
            lanes: &mut [Lane; 2],
            words: &[Group; 2],
            constants: &[[u32; 4]; 4],
        ) {
            let constants = set_words(constants[AT]);
            let sums = [add(words[0][AT], constants), add(words[1][AT], constants)];
            four_rounds(&mut lanes[0], sums[0]);
            four_rounds(&mut lanes[1], sums[1]);
        }

        /// Returns the words of the message for the sixteen rounds after those of `group`.
        #[inline]
        #[target_feature(enable = $features)]
        fn next_group(group: Group) -> Group {
            let [a, b, c, d] = group;
            let e = schedule(a, b, c, d);
            let f = schedule(b, c, d, e);
            let g = schedule(c, d, e, f);
            [e, f, g, schedule(d, e, f, g)]
        }
    };
}

pub(crate) use define_compress_pair;
