"""The trainings: distillation of the built-in encoder, classifiers and autoencoders on labelled pictures."""
