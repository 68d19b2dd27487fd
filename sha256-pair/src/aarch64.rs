//! Two states with the SHA2 instructions of AArch64; each step is written for both states, so that the
//! instructions of one run while the other waits.

use std::arch::aarch64::{
    uint32x4_t, vaddq_u32, vdupq_n_u32, vgetq_lane_u32, vsetq_lane_u32, vsha256h2q_u32,
    vsha256hq_u32, vsha256su0q_u32, vsha256su1q_u32,
};

use super::{Block, ROUND_CONSTANTS, State};

cpufeatures::new!(detection, "sha2");

/// Returns whether the processor has the instructions.
pub(crate) fn is_supported() -> bool {
    detection::get()
}

/// Advances two states by equally many blocks. The processor has to have the instructions.
#[expect(
    unsafe_code,
    reason = "the function is compiled for instructions that are detected at run time"
)]
pub(crate) fn compress_pair(states: [&mut State; 2], blocks: [&[Block]; 2]) {
    assert!(is_supported(), "no SHA2 instructions");
    // SAFETY: the processor has the features that the function is compiled for.
    unsafe { compress(states, blocks) }
}

#[target_feature(enable = "neon,sha2")]
fn compress(states: [&mut State; 2], blocks: [&[Block]; 2]) {
    let [first, second] = states;
    let mut lanes = [load_state(first), load_state(second)];
    for (first, second) in blocks[0].iter().zip(blocks[1]) {
        let before = lanes;
        let mut words = [load_block(first), load_block(second)];
        let (groups, _) = ROUND_CONSTANTS.as_chunks::<4>();
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
            *lane = [vaddq_u32(lane[0], before[0]), vaddq_u32(lane[1], before[1])];
        }
    }
    *first = store_state(lanes[0]);
    *second = store_state(lanes[1]);
}

/// The words `A B C D` and `E F G H` of a state.
type Lane = [uint32x4_t; 2];

/// The words of a message for sixteen rounds.
type Group = [uint32x4_t; 4];

#[inline]
#[target_feature(enable = "neon,sha2")]
fn four_rounds(lane: &mut Lane, sum: uint32x4_t) {
    let [abcd, efgh] = *lane;
    *lane = [vsha256hq_u32(abcd, efgh, sum), vsha256h2q_u32(efgh, abcd, sum)];
}

/// Does four rounds of both states, with the words at a place of their groups.
#[inline]
#[target_feature(enable = "neon,sha2")]
fn step<const AT: usize>(lanes: &mut [Lane; 2], words: &[Group; 2], constants: &[[u32; 4]; 4]) {
    let constants = set_words(constants[AT]);
    let sums = [vaddq_u32(words[0][AT], constants), vaddq_u32(words[1][AT], constants)];
    four_rounds(&mut lanes[0], sums[0]);
    four_rounds(&mut lanes[1], sums[1]);
}

/// Returns the words of the message for the sixteen rounds after those of `group`.
#[inline]
#[target_feature(enable = "neon,sha2")]
fn next_group(group: Group) -> Group {
    let [a, b, c, d] = group;
    let e = schedule(a, b, c, d);
    let f = schedule(b, c, d, e);
    let g = schedule(c, d, e, f);
    [e, f, g, schedule(d, e, f, g)]
}

/// Returns the four words that follow on the sixteen before them.
#[inline]
#[target_feature(enable = "neon,sha2")]
fn schedule(a: uint32x4_t, b: uint32x4_t, c: uint32x4_t, d: uint32x4_t) -> uint32x4_t {
    vsha256su1q_u32(vsha256su0q_u32(a, b), c, d)
}

#[inline]
#[target_feature(enable = "neon,sha2")]
fn load_block(block: &Block) -> Group {
    let (words, _) = block.as_chunks::<4>();
    [0, 4, 8, 12]
        .map(|first| set_words([0, 1, 2, 3].map(|word| u32::from_be_bytes(words[first + word]))))
}

#[inline]
#[target_feature(enable = "neon,sha2")]
fn set_words(words: [u32; 4]) -> uint32x4_t {
    let [a, b, c, d] = words;
    let vector = vsetq_lane_u32::<1>(b, vdupq_n_u32(a));
    vsetq_lane_u32::<3>(d, vsetq_lane_u32::<2>(c, vector))
}

#[inline]
#[target_feature(enable = "neon,sha2")]
fn load_state(state: &State) -> Lane {
    let [a, b, c, d, e, f, g, h] = *state;
    [set_words([a, b, c, d]), set_words([e, f, g, h])]
}

#[inline]
#[target_feature(enable = "neon,sha2")]
fn store_state(lane: Lane) -> State {
    let [[a, b, c, d], [e, f, g, h]] = lane.map(|half| {
        [
            vgetq_lane_u32::<0>(half),
            vgetq_lane_u32::<1>(half),
            vgetq_lane_u32::<2>(half),
            vgetq_lane_u32::<3>(half),
        ]
    });
    [a, b, c, d, e, f, g, h]
}
