//! Two states with the SHA extensions of x86-64. The order of the instructions for one state is that of
//! Intel's description of the extensions; each step is written for both states, so that the
//! instructions of one run while the other waits.

use std::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_extract_epi32, _mm_set_epi32, _mm_set_epi64x,
    _mm_sha256msg1_epu32, _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32, _mm_shuffle_epi8,
    _mm_shuffle_epi32,
};

use super::{Block, ROUND_CONSTANTS, State};

cpufeatures::new!(detection, "sha", "sse2", "ssse3", "sse4.1");

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
    assert!(is_supported(), "no SHA extensions");
    // SAFETY: the processor has the features that the function is compiled for.
    unsafe { compress(states, blocks) }
}

#[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
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
            *lane = [_mm_add_epi32(lane[0], before[0]), _mm_add_epi32(lane[1], before[1])];
        }
    }
    *first = store_state(lanes[0]);
    *second = store_state(lanes[1]);
}

/// The words `A B E F` and `C D G H` of a state, the first in the highest place.
type Lane = [__m128i; 2];

/// The words of a message for sixteen rounds.
type Group = [__m128i; 4];

#[inline]
#[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
fn four_rounds(lane: &mut Lane, sum: __m128i) {
    lane[1] = _mm_sha256rnds2_epu32(lane[1], lane[0], sum);
    lane[0] = _mm_sha256rnds2_epu32(lane[0], lane[1], _mm_shuffle_epi32::<0x0e>(sum));
}

/// Does four rounds of both states, with the words at a place of their groups.
#[inline]
#[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
fn step<const AT: usize>(lanes: &mut [Lane; 2], words: &[Group; 2], constants: &[[u32; 4]; 4]) {
    let constants = set_words(constants[AT]);
    let sums = [_mm_add_epi32(words[0][AT], constants), _mm_add_epi32(words[1][AT], constants)];
    four_rounds(&mut lanes[0], sums[0]);
    four_rounds(&mut lanes[1], sums[1]);
}

/// Returns the words of the message for the sixteen rounds after those of `group`.
#[inline]
#[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
fn next_group(group: Group) -> Group {
    let [a, b, c, d] = group;
    let e = schedule(a, b, c, d);
    let f = schedule(b, c, d, e);
    let g = schedule(c, d, e, f);
    [e, f, g, schedule(d, e, f, g)]
}

/// Returns the four words that follow on the sixteen before them.
#[inline]
#[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
fn schedule(a: __m128i, b: __m128i, c: __m128i, d: __m128i) -> __m128i {
    let sum = _mm_add_epi32(_mm_sha256msg1_epu32(a, b), _mm_alignr_epi8::<4>(d, c));
    _mm_sha256msg2_epu32(sum, d)
}

#[inline]
#[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
fn load_block(block: &Block) -> Group {
    let big_endian = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
    let (halves, _) = block.as_chunks::<8>();
    [0, 2, 4, 6].map(|low| {
        let [low, high] = [halves[low], halves[low + 1]].map(i64::from_le_bytes);
        _mm_shuffle_epi8(_mm_set_epi64x(high, low), big_endian)
    })
}

#[inline]
#[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
fn set_words(words: [u32; 4]) -> __m128i {
    let [a, b, c, d] = words.map(u32::cast_signed);
    _mm_set_epi32(d, c, b, a)
}

#[inline]
#[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
fn load_state(state: &State) -> Lane {
    let [a, b, c, d, e, f, g, h] = *state;
    [set_words([f, e, b, a]), set_words([h, g, d, c])]
}

#[inline]
#[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
fn store_state(lane: Lane) -> State {
    let [[f, e, b, a], [h, g, d, c]] = lane.map(|half| {
        let words = [
            _mm_extract_epi32::<0>(half),
            _mm_extract_epi32::<1>(half),
            _mm_extract_epi32::<2>(half),
            _mm_extract_epi32::<3>(half),
        ];
        words.map(i32::cast_unsigned)
    });
    [a, b, c, d, e, f, g, h]
}
