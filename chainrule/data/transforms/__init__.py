"""Changes of images, of single ones and of whole batches; chainrule.transforms has them all."""
