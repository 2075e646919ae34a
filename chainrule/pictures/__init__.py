"""The lectures' pictures: each is one function that returns a matplotlib figure.

    figure = pictures.decision_boundary(model, points, labels)
    figure.savefig("boundary.png")

Beside each stands the function that computes its numbers, which needs no matplotlib and whose
result print() draws in a terminal:

    print(pictures.decision_regions(model, points, labels))

No picture changes anything: parameters, buffers, gradients, modes, random numbers stay.
"""

from chainrule.pictures.activations import activation_curves as activation_curves
from chainrule.pictures.activations import activation_functions as activation_functions
from chainrule.pictures.attention import attention_maps as attention_maps
from chainrule.pictures.attention import attention_weights as attention_weights
from chainrule.pictures.attribution import grad_cam as grad_cam
from chainrule.pictures.attribution import grad_cam_map as grad_cam_map
from chainrule.pictures.attribution import occlusion as occlusion
from chainrule.pictures.attribution import occlusion_map as occlusion_map
from chainrule.pictures.attribution import saliency as saliency
from chainrule.pictures.attribution import saliency_map as saliency_map
from chainrule.pictures.boundary import decision_boundary as decision_boundary
from chainrule.pictures.boundary import decision_regions as decision_regions
from chainrule.pictures.convolution import activation_maps as activation_maps
from chainrule.pictures.convolution import feature_maps as feature_maps
from chainrule.pictures.convolution import filter_weights as filter_weights
from chainrule.pictures.convolution import filters as filters
from chainrule.pictures.features import feature_space as feature_space
from chainrule.pictures.features import hidden_features as hidden_features
from chainrule.pictures.fitting import fitting_curves as fitting_curves
from chainrule.pictures.fitting import loss_curves as loss_curves
from chainrule.pictures.landscape import loss_landscape as loss_landscape
from chainrule.pictures.landscape import loss_surface as loss_surface
from chainrule.pictures.neuron import neuron_line as neuron_line
from chainrule.pictures.neuron import neuron_lines as neuron_lines
from chainrule.pictures.neuron import neuron_text as neuron_text
from chainrule.pictures.projection import embedding_projection as embedding_projection
from chainrule.pictures.projection import projected as projected
from chainrule.pictures.race import TestSurface as TestSurface
from chainrule.pictures.race import optimizer_paths as optimizer_paths
from chainrule.pictures.race import optimizer_race as optimizer_race
from chainrule.pictures.rates import descent as descent
from chainrule.pictures.rates import learning_rate_curves as learning_rate_curves
from chainrule.pictures.rates import learning_rates as learning_rates
from chainrule.pictures.rates import training_runs as training_runs
from chainrule.pictures.units import feature_visualization as feature_visualization
from chainrule.pictures.units import preferred_inputs as preferred_inputs
from chainrule.pictures.weights import WeightPath as WeightPath
