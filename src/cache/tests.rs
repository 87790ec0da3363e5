//! One test for each rule of the module's argument.
