// Everything of latent's public interface.
#pragma once

#include "latent/data.h"
#include "latent/diagnosis.h"
#include "latent/dist.h"
#include "latent/error.h"
#include "latent/graph.h"
#include "latent/model.h"
#include "latent/models.h"
#include "latent/nn.h"
#include "latent/ops.h"
#include "latent/optim.h"
#include "latent/plan.h"
#include "latent/recurrent.h"
#include "latent/stack.h"
#include "latent/tensor.h"
#include "latent/train.h"
