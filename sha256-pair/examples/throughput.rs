//! Measures two streams hashed one after the other, by `sha2` and by this crate, and together:
//! `cargo run --release --example throughput`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use sha2::Digest as _;
use sha256_pair::{Sha256, is_accelerated, update_pair};

const LEN: u32 = 1 << 20;
const ROUNDS: u32 = 200;

fn main() {
    println!("accelerated: {}", is_accelerated());
    let (first, second) = (vec![1; LEN as usize], vec![2; LEN as usize]);
    let apart = best_time(|| {
        black_box([&first, &second].map(sha2::Sha256::digest));
    });
    let single = best_time(|| {
        for stream in [&first, &second] {
            let mut hash = Sha256::new();
            hash.update(stream);
            black_box(hash.finalize());
        }
    });
    let together = best_time(|| {
        let (mut one, mut two) = (Sha256::new(), Sha256::new());
        update_pair(&mut one, &first, &mut two, &second);
        black_box([one.finalize(), two.finalize()]);
    });
    for (name, time) in [("sha2", apart), ("one by one", single), ("together", together)] {
        let speed = 2.0 * f64::from(LEN) / time.as_secs_f64() / 1e6;
        println!("{name:12} {speed:6.0} MB/s {:5.2}x", apart.as_secs_f64() / time.as_secs_f64());
    }
}

fn best_time(mut work: impl FnMut()) -> Duration {
    let times = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        work();
        start.elapsed()
    });
    times.min().unwrap_or_default()
}
