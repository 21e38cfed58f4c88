//! The step from a table of kernels into functions that are compiled for the instructions of one kind of CPU.

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
