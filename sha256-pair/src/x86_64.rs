//! The SHA extensions of x86-64, as Intel's description of the extensions uses them for one state.

use std::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_extract_epi32, _mm_set_epi32, _mm_set_epi64x,
    _mm_sha256msg1_epu32, _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32, _mm_shuffle_epi8,
    _mm_shuffle_epi32,
};

use super::rounds::define_compress_pair;
use super::{Block, State};

cpufeatures::new!(detection, "sha", "sse2", "ssse3", "sse4.1");

/// Returns whether the processor has the instructions.
pub(crate) fn is_supported() -> bool {
    detection::get()
}

define_compress_pair!("sha,sse2,ssse3,sse4.1", __m128i);

/// The words `A B E F` and `C D G H` of a state, the first in the highest place.
type Lane = [__m128i; 2];

#[inline]
#[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
fn add(first: __m128i, second: __m128i) -> __m128i {
    _mm_add_epi32(first, second)
}

#[inline]
#[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
fn four_rounds(lane: &mut Lane, sum: __m128i) {
    lane[1] = _mm_sha256rnds2_epu32(lane[1], lane[0], sum);
    lane[0] = _mm_sha256rnds2_epu32(lane[0], lane[1], _mm_shuffle_epi32::<0x0e>(sum));
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
