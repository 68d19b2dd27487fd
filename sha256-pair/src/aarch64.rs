//! The SHA2 instructions of 64-bit Arm.

use std::arch::aarch64::{
    uint32x4_t, vaddq_u32, vdupq_n_u32, vgetq_lane_u32, vsetq_lane_u32, vsha256h2q_u32,
    vsha256hq_u32, vsha256su0q_u32, vsha256su1q_u32,
};

use super::rounds::define_compress_pair;
use super::{Block, State};

cpufeatures::new!(detection, "sha2");

/// Returns whether the processor has the instructions.
pub(crate) fn is_supported() -> bool {
    detection::get()
}

define_compress_pair!("neon,sha2", uint32x4_t);

/// The words `A B C D` and `E F G H` of a state.
type Lane = [uint32x4_t; 2];

#[inline]
#[target_feature(enable = "neon,sha2")]
fn add(first: uint32x4_t, second: uint32x4_t) -> uint32x4_t {
    vaddq_u32(first, second)
}

#[inline]
#[target_feature(enable = "neon,sha2")]
fn four_rounds(lane: &mut Lane, sum: uint32x4_t) {
    let [abcd, efgh] = *lane;
    *lane = [vsha256hq_u32(abcd, efgh, sum), vsha256h2q_u32(efgh, abcd, sum)];
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
