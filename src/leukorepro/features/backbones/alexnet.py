"""AlexNet in two groups: Caffe's model (models/bvlc_alexnet of github.com/BVLC/caffe), and MATLAB's.

torchvision's AlexNet is that of a later paper (Krizhevsky 2014, One weird trick): its convolutions have fewer filters
and are undivided, and there is no norm. Here the second, the fourth and the fifth convolution are in two groups, each
of which sees one half of the channels, as the two GPUs of Krizhevsky et al. (2012) did.

A converted file is a state dict with the names that layers have in both: `conv1.weight` and `conv1.bias` to `conv5`,
and `fc6` to `fc8`. Weights have the shape (outputs, inputs of the group, rows, columns), as Caffe's; MATLAB's are
(rows, columns, inputs of the group, outputs of the group, groups). The inputs of `fc6` are here, as Caffe's, the 256
channels of the last map, each row by row; MATLAB keeps arrays column by column. The network sees red, green, blue;
Caffe's was trained on blue, green, red: the inputs of its first convolution change places. Whether a file is right is
seen by comparing the answers of both networks to one picture.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import nn


def alexnet_caffe() -> nn.Module:
    """AlexNet in two groups, for 1,000 classes.

    Notes
    -----
    Krizhevsky, Sutskever and Hinton (2012), ImageNet Classification with Deep Convolutional Neural Networks; layers in
    the order of Caffe's model, where the norm precedes the pooling. It has 60,965,224 learnables. An input of 227
    pixels comes to a map of 6 x 6; that of another input is averaged or repeated to this size.
    """
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 96, 11, stride=4),
            relu1=nn.ReLU(),
            norm1=_local_response_norm(),
            pool1=nn.MaxPool2d(3, stride=2),
            conv2=nn.Conv2d(96, 256, 5, padding=2, groups=2),
            relu2=nn.ReLU(),
            norm2=_local_response_norm(),
            pool2=nn.MaxPool2d(3, stride=2),
            conv3=nn.Conv2d(256, 384, 3, padding=1),
            relu3=nn.ReLU(),
            conv4=nn.Conv2d(384, 384, 3, padding=1, groups=2),
            relu4=nn.ReLU(),
            conv5=nn.Conv2d(384, 256, 3, padding=1, groups=2),
            relu5=nn.ReLU(),
            pool5=nn.MaxPool2d(3, stride=2),
            size=nn.AdaptiveAvgPool2d(6),
            flatten=nn.Flatten(),
            fc6=nn.Linear(256 * 6 * 6, 4096),
            relu6=nn.ReLU(),
            drop6=nn.Dropout(0.5),
            fc7=nn.Linear(4096, 4096),
            relu7=nn.ReLU(),
            drop7=nn.Dropout(0.5),
            fc8=nn.Linear(4096, 1000),
        )
    )


def _local_response_norm() -> nn.Module:
    return nn.LocalResponseNorm(size=5, alpha=1e-4, beta=0.75, k=1.0)
