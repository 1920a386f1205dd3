"""The method as functions: collect, pretrain, distil and fine-tune, evaluate."""
