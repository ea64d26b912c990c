// SPDX-License-Identifier: GPL-2.0-or-later
//
// The one place that includes libfuse, so that the version of its interface is chosen once.
#pragma once

#define FUSE_USE_VERSION FUSE_MAKE_VERSION(3, 12)
#include <fuse3/fuse_lowlevel.h>
