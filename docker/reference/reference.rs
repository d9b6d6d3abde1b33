// The reference compile of Rust: see reference.c. It needs nothing but core, and is never run.
#![no_std]

macro_rules! function {
    ($name:ident, $n:expr) => {
        pub fn $name(table: &mut [u32; 64], mut x: u32, mut y: u32) -> u32 {
            for step in 0..$n + 3u32 {
                match (x ^ step) & 7 {
                    0 => x = x.wrapping_mul(2_654_435_761).wrapping_add(table[(x >> 9 & 63) as usize]),
                    1 => table.iter_mut().take((x & 15) as usize).for_each(|each| *each ^= x >> step % 31),
                    2 => { x = x.rotate_left(13); y = y.wrapping_add(x.wrapping_mul($n)); }
                    3 if y > x => core::mem::swap(&mut x, &mut y),
                    4 => while y & 1 == 1 { y >>= 1; x = x.wrapping_add($n); },
                    5 => x ^= table[(y.wrapping_add($n) & 63) as usize] / ((y & 31) + 1),
                    6 => y = table.iter().step_by(3).fold(y, |sum, each| sum.wrapping_add(each.wrapping_mul(x | 1))),
                    _ => x = x.wrapping_sub(y % ($n + 3)),
                }
            }
            table.sort_unstable_by_key(|each| each ^ x);
            x ^ y
        }
    };
}

macro_rules! functions {
    ($($name:ident $n:expr),*) => { $(function!($name, $n);)* };
}

functions!(
    reference_00 10, reference_01 11, reference_02 12, reference_03 13, reference_04 14,
    reference_05 15, reference_06 16, reference_07 17, reference_08 18, reference_09 19
);
