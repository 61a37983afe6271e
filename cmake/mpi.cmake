# MPI, where it is there and wanted: one of workloads/execution/mpi.cpp and mpi_absent.cpp is built.
set(REHEARSE_MPI_LIBRARY "")
set(REHEARSE_MPI_LEAVES_OUT "/execution/mpi\\.cpp$")
if(REHEARSE_MPI)
  set(MPI_CXX_SKIP_MPICXX ON) # the C interface alone
  find_package(MPI QUIET COMPONENTS CXX)
  if(MPI_CXX_FOUND)
    set(REHEARSE_MPI_LIBRARY MPI::MPI_CXX)
    # SimGrid's library has functions of MPI's names (SMPI): the real ones stand before it on every command line.
    target_link_libraries(MPI::MPI_CXX INTERFACE ${SIMGRID_LIBRARY})
    set(REHEARSE_MPI_LEAVES_OUT "/execution/mpi_absent\\.cpp$")
  elseif(REHEARSE_MPI STREQUAL "AUTO")
    message(STATUS "Collectives and sweeps are not carried out over MPI: there is none (MPI_HOME says where it is)")
  else()
    message(FATAL_ERROR "Collectives and sweeps cannot be carried out over MPI: there is none (MPI_HOME says where it is)")
  endif()
endif()
