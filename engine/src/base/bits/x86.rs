//! What all kernels for this kind of CPU have in common: the step from a table into functions that are compiled for the
//! instructions of one of them, and hints of what will be read.

use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

/// Asks for the line that a byte is in before it is needed.
#[inline]
#[expect(unsafe_code, reason = "a hint of what is needed is through a pointer")]
pub(super) fn bring_near(byte: &u8) {
    // SAFETY: a hint reads nothing, and the reference is to what it names.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(byte).cast()) }
}

/// Functions for a table, each of which runs an expression compiled for features of the CPU. A function made so must
/// be reachable through its table alone, and the table only once all of the features were detected.
macro_rules! for_cpu {
    ($features:literal: $(fn $name:ident($($argument:ident: $type:ty),*) $(-> $result:ty)? = $kernel:expr;)*) => {$(
        #[expect(unsafe_code, reason = "only the detection of a CPU's features makes their use sound")]
        fn $name($($argument: $type),*) $(-> $result)? {
            #[target_feature(enable = $features)]
            fn compiled($($argument: $type),*) $(-> $result)? {
                $kernel($($argument),*)
            }
            // SAFETY: this function is private to its file and stands in the table there, which is given out only
            // where the CPU was found to have these features.
            unsafe { compiled($($argument),*) }
        }
    )*};
}
pub(super) use for_cpu;
