#include "config.h"

#include "kube.h"
